"""What commands share: options and helps, a batch of pictures, progress, and errors in one line."""
