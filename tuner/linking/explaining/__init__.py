"""Why a message was linked to another: what the link model went by, in words."""
