"""From a PyTorch training loop to a path between two minima whose risk is bounded for every t.

pip install collado torch && python examples/pytorch.py
"""

import torch
from torch import nn

import collado

torch.manual_seed(0)
y = torch.randint(3, (600,))
radius = torch.rand(600) * 0.8 + 0.2
angle = 4 * radius + 2 * torch.pi * y / 3 + 0.3 * torch.randn(600)
x = torch.stack([radius * angle.cos(), radius * angle.sin()], dim=1)


def network():
    return nn.Sequential(nn.Linear(2, 24), nn.ReLU(), nn.Linear(24, 24), nn.ReLU(), nn.Linear(24, 3))


def minimum(seed):
    torch.manual_seed(seed)
    model = network()
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2, weight_decay=1e-4)
    for _ in range(150):
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(x), y).backward()
        optimizer.step()
    return model


a, b = minimum(0), minimum(1)
line = collado.connect(a, b, data=(x, y), method="linear", quiet=True)
run = collado.connect(a, b, data=(x, y), quiet=True)
print(f"risk at the ends {run.ends.a:.4f}, {run.ends.b:.4f}; on the line up to {line.barrier.max:.4f}")
print(f"on the path ({run.method}) at most {run.certified.hi:.4f} for every t, proved; see {run.folder}")

# Every point of the path is a network.
model = network()
model.load_state_dict(run.point(0.5))
loss = nn.functional.cross_entropy(model(x), y).item()
print(f"loss in the middle {loss:.4f} by PyTorch, {run.profile['train_loss'][30]:.4f} in the profile")
