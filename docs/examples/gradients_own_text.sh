interfere gradients --model my-model --data texts --output-dir run
