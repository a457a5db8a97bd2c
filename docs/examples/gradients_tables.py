from interfere import GradientSettings, analyze_gradients, load_result

result = analyze_gradients("my-model", "texts", settings=GradientSettings(chunks=8, granularity="module"))
print(result.matrix("corrected"))
conflicts = result.pairs.query("verdict == 'conflict'")
print(conflicts[["group", "a", "b", "corrected", "ci_low", "ci_high", "q_value"]])
result.save("run-by-module")

earlier = load_result("run-by-module")  # needs neither the model nor PyTorch
print(earlier.groups[["group", "parameters", "common_share"]])
