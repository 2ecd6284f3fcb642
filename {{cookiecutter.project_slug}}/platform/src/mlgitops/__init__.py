"""The platform of this project: the same code in every project that the template makes."""
