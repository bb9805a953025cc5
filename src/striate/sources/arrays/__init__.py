"""Arrays of images and labels: .npy and .npz, idx, CIFAR, MNIST, and what Python code holds."""
