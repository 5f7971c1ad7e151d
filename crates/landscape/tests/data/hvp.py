"""Writes hvp.csv: Hessian-vector products of a pair of ReLU networks by double backward in float64 (run at the root, PyTorch 1.13)."""
import gzip, json, struct, torch, numpy as np
def load(f):
    b=open(f,'rb').read(); n=struct.unpack('<Q',b[:8])[0]; h=json.loads(b[8:8+n]); out={}
    for k,v in h.items():
        if k=='__metadata__': continue
        a,e=v['data_offsets']; dt={'F32':np.float32,'F64':np.float64}[v['dtype']]
        out[k]=torch.from_numpy(np.frombuffer(b[8+n+a:8+n+e],dt).reshape(v['shape']).astype(np.float64))
    return out
d=np.loadtxt(gzip.open('crates/data/assets/digits.csv.gz'),delimiter=',')
keep=np.arange(len(d))%5!=0
x=torch.tensor(d[keep,:64]/16); y=torch.tensor(d[keep,64].astype(np.int64))
rows=[]
for name in 'ab':
    p=load(f'tests/data/relu-{name}.safetensors')
    keys=['0.weight','0.bias','2.weight','2.bias','4.weight','4.bias']
    ps=[p[k].clone().requires_grad_() for k in keys]
    def F():
        h=x
        for i in range(3):
            h=h@ps[2*i].T+ps[2*i+1]
            if i<2: h=torch.relu(h)
        return torch.nn.functional.cross_entropy(h,y)
    S=sum(q.numel() for q in ps)
    v=torch.sin(torch.arange(1,S+1,dtype=torch.float64))
    vs=[]; o=0
    for q in ps: vs.append(v[o:o+q.numel()].reshape(q.shape)); o+=q.numel()
    def hvp():
        g=torch.autograd.grad(F(),ps,create_graph=True)
        return torch.cat([t.reshape(-1) for t in torch.autograd.grad(sum((a*b).sum() for a,b in zip(g,vs)),ps)])
    h=hvp()
    rows+=[f'{name},norm,{h.norm().item()!r}',f'{name},vHv,{(h@v).item()!r}']
    rows+=[f'{name},{i},{h[i].item()!r}' for i in range(0,S,149)]
open('crates/landscape/tests/data/hvp.csv','w').write('checkpoint,index,value\n'+'\n'.join(rows)+'\n')
