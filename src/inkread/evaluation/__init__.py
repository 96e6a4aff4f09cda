"""How good a model is: on labelled pictures, against another one, and as a report."""
