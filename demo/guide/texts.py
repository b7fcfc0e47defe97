"""The sentences of the guide."""

LIST = "Documents"
NO_DOCUMENT = "There is no document of that name; here is the index. There are: {known}."
