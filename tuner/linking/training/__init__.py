"""How the link model's weights are made, from annotated chat. Nothing of this is needed to build a dataset."""
