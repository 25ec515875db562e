"""The panel's classifiers and the machine JND's generators: their trainings."""
