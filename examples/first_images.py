"""The first images of MNIST as a set of their own: python first_images.py FROM TO TRAINING TEST

FROM is a folder with the four IDX files, gzipped or not; TO becomes one with the first TRAINING and TEST images of each.
"""
import gzip
import struct
import sys
from pathlib import Path

source, target = map(Path, sys.argv[1:3])
target.mkdir(parents=True, exist_ok=True)
for split, count in zip(("train", "t10k"), map(int, sys.argv[3:5])):
    for kind, head, size in (("images-idx3-ubyte", 16, 784), ("labels-idx1-ubyte", 8, 1)):
        name = f"{split}-{kind}"
        plain = source / name
        raw = plain.read_bytes() if plain.exists() else gzip.decompress((source / f"{name}.gz").read_bytes())
        # Magic number, number of rows, shape of a row, rows.
        (target / name).write_bytes(raw[:4] + struct.pack(">I", count) + raw[8 : head + count * size])
