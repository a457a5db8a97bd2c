interfere gradients --model my-model --data texts --output-dir where \
    --granularity module --scope all --metric euclidean,adam,per-tensor --mixture de=0.2,en=0.7,ru=0.1
