from interfere import load_result

result = load_result("run")
for warning in result.warnings:
    print("warning:", warning)
where = result.groups[result.groups["group"] == "body"]
print(where[["metric", "common_share", "mixture_residual"]])
ceiling = result.self_similarity[result.self_similarity["group"] == "body"]
print(ceiling[["language", "metric", "self_similarity", "ci_low", "ci_high"]])
pairs = result.pairs[result.pairs["group"] == "body"]
print(pairs[["a", "b", "metric", "corrected", "ci_low", "ci_high", "q_value", "verdict", "reason"]])
