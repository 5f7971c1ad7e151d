"""Writes hvp-images.csv: Hessian-vector products of two networks for images by double backward in float64 (run at the root, PyTorch 2.15)."""
import gzip, json, struct, torch, numpy as np
import torch.nn.functional as f

def load(file):
    b = open(file, 'rb').read(); n = struct.unpack('<Q', b[:8])[0]; h = json.loads(b[8:8 + n]); out = {}
    for k, v in h.items():
        if k == '__metadata__' or v['dtype'] != 'F32': continue
        a, e = v['data_offsets']
        out[k] = torch.from_numpy(np.frombuffer(b[8 + n + a:8 + n + e], np.float32).reshape(v['shape']).astype(np.float64))
    return out

def images(split, count):
    d = 'tests/data/images/first/' + split
    x = np.frombuffer(gzip.open(d + '-images-idx3-ubyte.gz').read()[16:], np.uint8).reshape(-1, 1, 28, 28)[:count]
    y = np.frombuffer(gzip.open(d + '-labels-idx1-ubyte.gz').read()[8:], np.uint8)[:count]
    return torch.from_numpy((x.astype(np.float32) / np.float32(255)).astype(np.float64)), torch.from_numpy(y.astype(np.int64))

def lenet(p, x):
    for k, pad in ((1, 2), (2, 0)):
        x = f.max_pool2d(torch.relu(f.conv2d(x, p[f'conv{k}.weight'], p[f'conv{k}.bias'], padding=pad)), 2)
    x = x.flatten(1)
    for k in (1, 2, 3):
        x = f.linear(x, p[f'fc{k}.weight'], p[f'fc{k}.bias'])
        if k < 3: x = torch.relu(x)
    return x

def resnet(p, x, norm):
    x = torch.relu(norm('bn1', f.conv2d(x, p['conv1.weight'], padding=1)))
    for stage in (1, 2, 3):
        n = f'layer{stage}.'; stride = 1 if stage == 1 else 2
        y = torch.relu(norm(n + 'bn1', f.conv2d(x, p[n + 'conv1.weight'], padding=1, stride=stride)))
        y = norm(n + 'bn2', f.conv2d(y, p[n + 'conv2.weight'], padding=1))
        if stage > 1: x = norm(n + 'shortcut.1', f.conv2d(x, p[n + 'shortcut.0.weight'], stride=stride))
        x = torch.relu(x + y)
    return f.linear(x.mean((2, 3)), p['fc.weight'], p['fc.bias'])

LENET = [f'{n}.{k}' for n in ('conv1', 'conv2', 'fc1', 'fc2', 'fc3') for k in ('weight', 'bias')]
RESNET = ['conv1.weight', 'bn1.weight', 'bn1.bias']
for stage in (1, 2, 3):
    names = ['conv1.weight', 'bn1.weight', 'bn1.bias', 'conv2.weight', 'bn2.weight', 'bn2.bias']
    if stage > 1: names += ['shortcut.0.weight', 'shortcut.1.weight', 'shortcut.1.bias']
    RESNET += [f'layer{stage}.{n}' for n in names]
RESNET += ['fc.weight', 'fc.bias']

train, test = images('train', 48), images('t10k', 24)
rows = []
for case in ('lenet', 'interpolate', 'population', 'reference'):
    file = load(f"tests/data/graphs/{'lenet' if case == 'lenet' else 'resnet8'}/a.safetensors")
    names = LENET if case == 'lenet' else RESNET
    ps = {n: file[n].clone().requires_grad_() for n in names}
    x, y = test if case == 'reference' else train
    seen = {}
    def scaled(n, z, mean, var):
        s = (1, -1, 1, 1)
        return (z - mean.reshape(s)) / torch.sqrt(var.reshape(s) + 1e-5) * ps[n + '.weight'].reshape(s) + ps[n + '.bias'].reshape(s)
    def given(n, z): return scaled(n, z, file[n + '.running_mean'], file[n + '.running_var'])
    def batch(n, z):
        seen[n] = (z.mean((0, 2, 3)), z.var((0, 2, 3), unbiased=False))
        return scaled(n, z, *seen[n])
    def stored(n, z): return scaled(n, z, *seen[n])
    def risk():
        if case == 'lenet': return f.cross_entropy(lenet(ps, x), y)
        if case == 'reference': resnet(ps, train[0][:40], batch); return f.cross_entropy(resnet(ps, x, stored), y)
        return f.cross_entropy(resnet(ps, x, given if case == 'interpolate' else batch), y)
    size = sum(q.numel() for q in ps.values())
    v = torch.sin(torch.arange(1, size + 1, dtype=torch.float64))
    vs, o = [], 0
    for q in ps.values(): vs.append(v[o:o + q.numel()].reshape(q.shape)); o += q.numel()
    qs = list(ps.values())
    g = torch.autograd.grad(risk(), qs, create_graph=True)
    h = torch.cat([t.reshape(-1) for t in torch.autograd.grad(sum((a * b).sum() for a, b in zip(g, vs)), qs)])
    rows += [f'{case},norm,{h.norm().item()!r}', f'{case},vHv,{(h @ v).item()!r}']
    rows += [f'{case},{i},{h[i].item()!r}' for i in range(0, size, 997)]
    o = 0
    for n, q in ps.items():
        rows.append(f'{case},{n},{h[o:o + q.numel()].norm().item()!r}'); o += q.numel()
open('crates/landscape/tests/data/hvp-images.csv', 'w').write('case,index,value\n' + '\n'.join(rows) + '\n')
