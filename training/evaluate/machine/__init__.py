"""The machine JND on CIFAR-10, measured."""
