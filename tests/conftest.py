"""Tests run in parallel on two cores, so each process computes on one thread."""

import torch

torch.set_num_threads(1)
