#!/bin/sh
# Trains a pair of networks on the first 10 000 images of MNIST, connects it in several ways, and prints the table of
# docs/networks.md:
#
#     sh examples/published/pair.sh MNIST OUT NETWORK
#
# MNIST is the folder of the IDX files, OUT a folder for results, NETWORK one of resnet8, resnet20, resnet20x2, vgg11-bn,
# vgg11, lenet. COLLADO names the program. What is finished is not done again, so that a second call goes on.
set -eu
mnist=$1 out=$2 network=$3
collado=${COLLADO:-target/release/collado}
here=$(dirname "$0")

# The curves: examples in a minibatch, passes over the 2 000 images, and points that they are judged at.
rate=0.1 more= batch=32 epochs=10 points=21
case $network in
resnet8) arch=resnet8 ;;
resnet20) arch=resnet20:shortcut=conv3 epochs=5 points=11 ;;
resnet20x2) arch=resnet20:shortcut=conv3,width=2 epochs=5 points=11 ;;
vgg11-bn) arch=vgg11:width=1/8,norm=bn rate=0.05 ;;
vgg11) arch=vgg11:width=1/8 rate=0.05 more="--init he" batch=128 epochs=60 ;;
lenet) arch=lenet rate=0.05 batch=128 epochs=60 ;;
*) echo "$0: $network is not in the list" >&2 && exit 2 ;;
esac

python3 "$here/../first_images.py" "$mnist" "$out/first10k" 10000 2000
python3 "$here/../first_images.py" "$mnist" "$out/first2k" 2000 1000
pair=$out/$network
mkdir -p "$pair"

# PyTorch's initialisation (He's for the network without normalisation), SGD with momentum .9.
"$collado" train --data "mnist:$out/first10k" --arch $arch --seeds 0..2 --epochs 5 --batch 128 --lr $rate --schedule cosine \
  --weight-decay 5e-4 $more --out "$pair/trained" --resume

connect() { # name, options
  name=$1 && shift
  "$collado" connect "$pair/trained/seed-0.safetensors" "$pair/trained/seed-1.safetensors" --data "mnist:$out/first2k" \
    --certify never --quiet --out "$pair/$name" --resume "$@" || true
}
connect line --method linear --points 11
connect weights --method linear --align weights --points 11
connect activations --method linear --align activations --points 11
case $network in
# With batch normalisation REPAIR's reset is the rule `population`, which every line is judged by.
vgg11 | lenet) connect repair --method repair --align activations --points 11 ;;
esac
connect auto --method auto --align none --batch $batch --epochs $epochs --points $points

python3 "$here/table.py" "$pair"
