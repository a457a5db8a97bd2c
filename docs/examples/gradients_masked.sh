interfere gradients --model my-encoder --data texts --mask-passes 5 --output-dir masked-run
