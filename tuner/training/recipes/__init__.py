"""A folder that trains where a GPU is: data as a trainer wants it, one configuration, one command."""
