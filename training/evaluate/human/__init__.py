"""The human JNDs compared: whose noise is least visible, and at what cost in time and memory."""
