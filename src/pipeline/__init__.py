"""A DVC pipeline that trains, evaluates and packages a classifier, and reviews every change to it."""
