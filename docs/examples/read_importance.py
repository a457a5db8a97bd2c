from interfere import load_result

result = load_result("importance")
overlap = result.tables["overlap"]
between = overlap[overlap["a"] != overlap["b"]]
print(between[["a", "b", "method", "layer", "kind", "rank", "rank_low", "rank_high", "rank_ceiling"]])
print(result.tables["own_counts"])
print(result.tables["specificity"][["language", "own_damage", "specificity", "ci_low", "ci_high", "verdict"]])
