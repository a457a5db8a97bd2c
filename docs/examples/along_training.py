"""Go on training the bundled masked LM on the bundled corpus, and watch the gradients of its languages meanwhile.

    python docs/examples/along_training.py FOLDER [STEPS]

It needs the extra `tasks` (accelerate, for transformers' Trainer) and takes a minute or two on two cores of a CPU.
"""

import sys
from pathlib import Path

from transformers import (
    DataCollatorForLanguageModeling,
    Trainer,
    TrainingArguments,
    set_seed,
)

from interfere import GradientSettings, InterferenceCallback, bundled_checkpoint, bundled_corpus, load_result

LANGUAGES = ("de", "en", "ja", "ru", "uk", "zh")


def main(folder: Path, steps: int = 160) -> None:
    set_seed(0)
    checkpoint = bundled_checkpoint()
    tokenizer = checkpoint.tokenizer
    # Entries 1 to 100 are trained on, in all languages, and the gradients are those of the others.
    texts = {language: bundled_corpus().documents[language] for language in LANGUAGES}
    rows = [
        tokenizer(document.text, truncation=True, max_length=64) for own in texts.values() for document in own[:100]
    ]
    trainer = Trainer(
        checkpoint.model,
        TrainingArguments(
            str(folder / "training"),
            max_steps=steps,
            per_device_train_batch_size=8,
            learning_rate=1e-3,
            warmup_steps=steps // 20,
            logging_steps=steps // 4,
            save_steps=steps // 8,
            report_to=[],  # "tensorboard", "wandb", "trackio": they get what the callback logs
            disable_tqdm=True,
            use_cpu=True,
        ),
        train_dataset=rows,
        data_collator=DataCollatorForLanguageModeling(tokenizer),
        processing_class=tokenizer,
    )
    callback = InterferenceCallback(
        {language: [document.text for document in own[100:]] for language, own in texts.items()},
        every=steps // 8,
        budget=0.9,  # so short a training has no time to spare; of a real one, 0.02 will do
        settings=GradientSettings(chunks=8, tokens_per_chunk=64, metrics=("adam", "euclidean")),
    ).attach(trainer)
    trainer.train()
    callback.save(folder / "watched")
    print(load_result(folder / "watched").tables["checkpoints"][["step", "conflict", "aligned", "loss", "seconds"]])


if __name__ == "__main__":
    main(Path(sys.argv[1]), *map(int, sys.argv[2:3]))
