"""Afterimage: how close can an image model get to a picture, and does it get there by itself?"""

__version__ = "0.1.0"
