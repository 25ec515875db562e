"""HVS-SD, the learned human JND: its training and calibration."""
