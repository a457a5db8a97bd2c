interfere gradients --model my-model --languages en,de,ru,uk --output-dir first-look
