from interfere import load_result

result = load_result("deltas")
print(result.tables["quality"][["model", "language", "bits_per_byte", "lost_bytes", "unknown_tokens"]])
print(result.tables["deltas"][["language", "relative", "relative_ci_low", "relative_ci_high", "verdict", "reason"]])
