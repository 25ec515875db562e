"""Every method of attack on photographs, against classifiers of 1,000 classes."""
