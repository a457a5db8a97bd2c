from transformers import AutoModelForCausalLM, AutoTokenizer

from interfere import GradientSettings, analyze_gradients, checkpoint_from_model

model = AutoModelForCausalLM.from_pretrained("my-model")
tokenizer = AutoTokenizer.from_pretrained("my-model")
texts = {
    "en": [f"Sentence number {number} of a few." for number in range(40)],
    "de": [f"Satz Nummer {number} von einigen." for number in range(40)],
}
result = analyze_gradients(checkpoint_from_model(model, tokenizer), texts, settings=GradientSettings(chunks=8))
print(result.pairs.loc[result.pairs["group"] == "body", ["a", "b", "corrected", "verdict", "reason"]])
