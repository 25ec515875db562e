"""Cloaks and recognisers on LFW, and the same attacks on CIFAR-10, measured."""
