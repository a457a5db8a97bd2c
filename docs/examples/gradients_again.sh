interfere gradients --model my-model --data texts --seed 1 --overwrite --output-dir run
