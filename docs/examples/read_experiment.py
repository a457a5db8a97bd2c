from interfere import load_result

result = load_result("experiment")
deltas = result.tables["deltas"]
print(deltas[["kind", "language", "partners", "relative", "relative_ci_low", "relative_ci_high", "verdict"]])
print(result.tables["predictions"][["predictor", "correlation", "ci_low", "ci_high", "within", "pairs"]])
