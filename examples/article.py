"""The four ways to log of "Monitor and view ML run logs and metrics", and their charts."""

import numpy as np

import runvane

with runvane.start("article", name="four charts") as run:
    # A list of numbers: a line of one variable.
    run.log_list(name="Fibonacci", value=[0, 1, 1, 2, 3, 5, 8, 13, 21, 34, 55, 89])

    sines: dict[str, list[float]] = {"angle": [], "sine": []}
    for i in range(-10, 10):
        # A number under the same name again and again: a line of one variable.
        run.log(name="Sigmoid", value=1 / (1 + np.exp(-i)))
        angle = i / 2.0

        # A row of two numbers again and again: a line of two variables.
        run.log_row(name="Cosine Wave", angle=angle, cos=np.cos(angle))
        sines["angle"].append(angle)
        sines["sine"].append(float(np.sin(angle)))

    # A table of two columns of numbers: a line of two variables.
    run.log_table(name="Sine Wave", value=sines)
