"""A transformer over sequences of codes that looks back only, and remembers what it looked at while it samples.

In: a context vector for every place, and the codes before it. Out: logits for the code at every place. Positions are
relative (rotary phases, Su et al. 2021), attention reaches `window` places back, so sequences may be of any length.
"""

import torch
from einops import rearrange
from torch import Tensor, nn

from fourfloor.nn.attention import rotate

ROTARY_BASE = 10_000.0


class CausalTransformer(nn.Module):
    """Codes given the codes before them: `(batch, places)` and a context `(batch, places, width)` to logits."""

    def __init__(
        self,
        codes: int,
        width: int,
        depth: int,
        heads: int,
        window: int,
        dropout: float = 0.0,
        recalled: tuple[int, ...] = (),
    ) -> None:
        super().__init__()
        self.window, self.heads, self.recalled = window, heads, recalled
        # One more than there are codes: what stands before the first.
        self.embed = nn.Embedding(codes + 1, width)
        self.blocks = nn.ModuleList(CausalBlock(width, heads, window, dropout) for _ in range(depth))
        self.recall = nn.ModuleList(nn.Linear(width, width, bias=False) for _ in recalled)
        self.norm = nn.LayerNorm(width)
        self.out = nn.Linear(width, codes)
        nn.init.normal_(self.embed.weight, std=0.02)
        nn.init.normal_(self.out.weight, std=0.02)

    @property
    def start(self) -> int:
        """Return the number that stands before the first code."""
        return self.embed.num_embeddings - 1

    def forward(self, codes: Tensor, context: Tensor) -> Tensor:
        """Return logits `(batch, places, codes)`; those at a place see the codes before it."""
        before = nn.functional.pad(codes[:, :-1], (1, 0), value=self.start)
        return self.advance(before, self.remind(context, codes, 0), Memory(self, 0))

    def remind(self, context: Tensor, codes: Tensor, first: int) -> Tensor:
        """Add to the context of the places from `first` on the codes `recalled` places before each of them."""
        last = first + context.shape[1]
        for distance, mix in zip(self.recalled, self.recall, strict=True):
            earlier = nn.functional.pad(codes, (distance, 0), value=self.start)[:, first:last]
            context = context + mix(self.embed(earlier))
        return context

    def advance(self, before: Tensor, context: Tensor, memory: "Memory") -> Tensor:
        """Return logits for the next places, given the codes `before` each of them, and remember them."""
        places = torch.arange(memory.places, memory.places + before.shape[1], device=before.device)
        rotations = rotary_phases(places, context.shape[-1] // self.heads // 2)
        hidden = self.embed(before) + context
        for block, remembered in zip(self.blocks, memory.blocks, strict=True):
            hidden = block(hidden, rotations, remembered)
        memory.places += before.shape[1]
        return self.out(self.norm(hidden))

    @torch.no_grad()
    def sample(self, context: Tensor, prompt: Tensor, temperature: float, top_p: float, rng: torch.Generator) -> Tensor:
        """Draw the codes that follow `prompt` `(batch, m)`, until every place of the context has one."""
        batch, places, _ = context.shape
        codes = torch.full((batch, places + 1), self.start, device=context.device)
        given = prompt.shape[1]
        codes[:, 1 : given + 1] = prompt
        memory, known = Memory(self, places), 0
        for place in range(given, places):
            reminded = self.remind(context[:, known : place + 1], codes[:, 1 : place + 1], known)
            logits = self.advance(codes[:, known : place + 1], reminded, memory)[:, -1]
            codes[:, place + 1] = draw_codes(logits, temperature, top_p, rng)
            known = place + 1
        return codes[:, 1:]


class Memory:
    """Keys and values of up to `capacity` places, for every block; a capacity of 0 remembers nothing."""

    def __init__(self, model: CausalTransformer, capacity: int) -> None:
        self.places = 0
        self.blocks = [Remembered(capacity) for _ in model.blocks]


class Remembered:
    """Keys and values `(batch, heads, places, dim)` of one block."""

    def __init__(self, capacity: int) -> None:
        self.capacity, self.places = capacity, 0
        self.held: list[Tensor] = []

    def join(self, key: Tensor, value: Tensor, window: int) -> tuple[Tensor, Tensor]:
        """Add new places; return them behind as many earlier ones as any of them sees."""
        if self.capacity == 0:
            return key, value
        if not self.held:
            batch, heads, _, dim = key.shape
            self.held = [new.new_empty(batch, heads, self.capacity, dim) for new in (key, value)]
        begin, end = self.places, self.places + key.shape[2]
        for held, new in zip(self.held, (key, value), strict=True):
            held[:, :, begin:end] = new
        self.places = end
        first = max(0, begin - window + 1)
        return self.held[0][:, :, first:end], self.held[1][:, :, first:end]


class CausalBlock(nn.Module):
    """Attention to this place and the `window - 1` before it, then an MLP; both on normalized inputs."""

    def __init__(self, width: int, heads: int, window: int, dropout: float) -> None:
        super().__init__()
        self.heads, self.window, self.dropout = heads, window, dropout
        self.attention_norm = nn.LayerNorm(width)
        self.qkv = nn.Linear(width, 3 * width, bias=False)
        self.mix = nn.Linear(width, width, bias=False)
        self.mlp_norm = nn.LayerNorm(width)
        self.expand = nn.Linear(width, 4 * width)
        self.contract = nn.Linear(4 * width, width)

    def forward(self, x: Tensor, rotations: tuple[Tensor, Tensor], remembered: Remembered) -> Tensor:
        """Return `(batch, places, width)` again; keys and values join those `remembered`."""
        x = x + self.drop(self.mix(self.attend(self.attention_norm(x), rotations, remembered)))
        return x + self.drop(self.contract(nn.functional.gelu(self.expand(self.mlp_norm(x)))))

    def attend(self, x: Tensor, rotations: tuple[Tensor, Tensor], remembered: Remembered) -> Tensor:
        """Mix each place with those in its window."""
        query, key, value = rearrange(self.qkv(x), "b t (three h d) -> three b h t d", three=3, h=self.heads)
        query, key = rotate(query, *rotations).to(value.dtype), rotate(key, *rotations).to(value.dtype)
        key, value = remembered.join(key, value, self.window)
        # A single place sees all that is left of the earlier ones.
        mask = window_mask(query.shape[2], key.shape[2], self.window, x.device) if query.shape[2] > 1 else None
        y = nn.functional.scaled_dot_product_attention(query, key, value, mask)
        return rearrange(y, "b h t d -> b t (h d)")

    def drop(self, x: Tensor) -> Tensor:
        """Drop some of what a branch adds, in training."""
        return nn.functional.dropout(x, self.dropout, self.training)


def window_mask(queries: int, keys: int, window: int, device: torch.device) -> Tensor:
    """Return what the last `queries` of `keys` places may look at: itself and the `window - 1` before, as bool."""
    distance = torch.arange(keys - queries, keys, device=device)[:, None] - torch.arange(keys, device=device)
    return (distance >= 0) & (distance < window)


def rotary_phases(places: Tensor, pairs: int) -> tuple[Tensor, Tensor]:
    """Return cosine and sine `(places, pairs)` of phases at geometric frequencies (Su et al. 2021)."""
    frequencies = ROTARY_BASE ** (-torch.arange(pairs, device=places.device) / pairs)
    angle = places[:, None] * frequencies
    return angle.cos(), angle.sin()


def draw_codes(logits: Tensor, temperature: float, top_p: float, rng: torch.Generator) -> Tensor:
    """Draw one code `(batch,)` from logits `(batch, codes)`: the likeliest that hold `top_p` (Holtzman et al. 2020).

    A temperature of 0 takes the likeliest.
    """
    if temperature == 0:
        return logits.argmax(dim=-1)
    shares, order = (logits.float() / temperature).softmax(dim=-1).sort(dim=-1, descending=True)
    above = shares.cumsum(dim=-1) - shares  # held by likelier codes
    kept = shares.masked_fill(above >= top_p, 0.0).to(rng.device)
    return order.gather(1, torch.multinomial(kept, 1, generator=rng).to(order.device))[:, 0]
