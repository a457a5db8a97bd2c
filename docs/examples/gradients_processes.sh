torchrun --nproc-per-node 2 -m interfere gradients --model my-model --data texts --output-dir run-by-two
