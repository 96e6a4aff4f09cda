"""The tutorial's second half, to measure against: load mnist.h5, read one picture, draw picture and answer.

    python benchmarks/tutorial_read.py MODEL.h5 PICTURE OUT.png

Its recipe for the picture: resize to 28x28, grey, invert, divide by 255, predict, show.
"""

from __future__ import annotations

import sys

import matplotlib as mpl
import numpy as np
import tensorflow as tf
from PIL import Image

mpl.use("Agg")
import matplotlib.pyplot as plt

model_path, picture_path, figure_path = sys.argv[1:4]
model = tf.keras.models.load_model(model_path)
picture = Image.open(picture_path)
small = np.array(picture.resize((28, 28)).convert("L"))
glyph = (255 - small).reshape(1, 28, 28, 1).astype("float32") / 255
digit = int(model.predict(glyph).argmax())

fig, axes = plt.subplots(1, 2)
axes[0].imshow(picture)
axes[1].imshow(glyph[0, :, :, 0], cmap="gray")
axes[1].set_title(f"prediction: {digit}")
fig.savefig(figure_path)
print(digit)
