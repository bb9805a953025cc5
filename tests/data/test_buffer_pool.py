"""Memory is given out again when nothing shows it any more, and never before."""

import torch

from striate.data.buffer_pool import KEPT, BufferPool


def test_memory_is_used_again_once_nothing_shows_it() -> None:
    recycled = BufferPool()
    batch = recycled.batch(4, 3, (8, 6))
    assert batch.shape == (4, 3, 8, 6)
    assert batch.is_contiguous(memory_format=torch.channels_last)
    place = batch.data_ptr()
    del batch
    assert recycled.batch(4, 3, (8, 6)).data_ptr() == place
    assert recycled.batch(3, 3, (8, 6)).data_ptr() == place  # the last batch of an epoch is smaller
    larger = recycled.batch(5, 3, (8, 6))
    larger.fill_(1)
    assert larger.sum() == larger.numel()


def test_memory_is_left_alone_as_long_as_anything_shows_it() -> None:
    recycled = BufferPool()
    batch = recycled.batch(4, 3, (8, 6)).fill_(1)
    corner = batch[2, :, 4:, 3:]
    as_numpy = batch[1].numpy()
    weight = torch.ones(3, 1, 1, requires_grad=True)
    loss = (batch * weight).sum()  # its graph keeps the batch for the gradient
    del batch
    for _ in range(3):
        recycled.batch(4, 3, (8, 6)).fill_(2)
    loss.backward()
    assert weight.grad is not None
    assert weight.grad.flatten().tolist() == [4 * 8 * 6] * 3
    del loss
    recycled.batch(4, 3, (8, 6)).fill_(2)
    assert corner.unique().tolist() == [1]
    assert as_numpy.max() == 1


def test_many_batches_at_once_have_memory_of_their_own_which_is_not_kept() -> None:
    recycled = BufferPool()
    batches = [recycled.batch(2, 1, (4, 4)).fill_(i) for i in range(KEPT + 4)]
    assert [batch.unique().tolist() for batch in batches] == [[i] for i in range(KEPT + 4)]
    places = {batch.data_ptr() for batch in batches[:KEPT]}
    batches.clear()
    again = [recycled.batch(2, 1, (4, 4)) for _ in range(KEPT)]
    assert {batch.data_ptr() for batch in again} == places
