//! The dynamic rules of one method, found without trying each.
//!
//! A rule is cut at its slashes into spans. As long as a span's wildcards cannot match a slash, the span stands for
//! exactly one piece of the path, and is an edge of the tree: literal text in a hash map, the rest by the literal text
//! it begins and ends with. A wildcard that may match a slash (`path`, `.*`) takes the rest of its rule with it: a
//! tail, found by how the rest of the path begins and ends.
//!
//! The tree names candidates; the rules test themselves. What it promises is that no rule that matches is left out.
//! A node is left aside when all below it was registered after the best match so far. A path of *n* pieces visits at
//! most as many nodes as there are, and few unless the rules have a wildcard beside a literal at every depth.

use std::collections::HashMap;

use super::affix::{Affix, Affixes};
use super::hash::FastHash;
use super::span::piece;

/// The place of a rule among all, in order of registration.
pub(super) type Order = u32;

/// How deep the tree gets, which bounds the recursion of a lookup: what is deeper is a tail.
pub(super) const DEPTH_MAX: usize = 64;

/// Where a rule belongs.
pub(super) struct Branch<'a> {
    pub(super) edges: Vec<Edge<'a>>,
    pub(super) tail: Option<Affix>,
}

/// A span that matches one piece of a path.
pub(super) enum Edge<'a> {
    Literal(&'a str),
    Wild(Affix),
}

/// Dynamic rules by their shape.
pub(super) struct Tree(Vec<Node>);

struct Node {
    /// The smallest order at or below this node.
    first: Order,
    literals: HashMap<Box<str>, u32, FastHash>,
    /// The child for the empty literal, which nearly every rule begins with. Node 0 is the root and nobody's child: it
    /// stands for a child not yet there.
    empty: u32,
    wilds: Affixes<u32>,
    ends: Vec<Order>,
    tails: Affixes<Vec<Order>>,
}

impl Node {
    fn new(first: Order) -> Node {
        Node {
            first,
            literals: HashMap::default(),
            empty: 0,
            wilds: Affixes::default(),
            ends: Vec::new(),
            tails: Affixes::default(),
        }
    }
}

impl Default for Tree {
    fn default() -> Self {
        Tree(vec![Node::new(Order::MAX)])
    }
}

impl Tree {
    /// Adds a rule. Orders come in growing.
    pub(super) fn insert(&mut self, branch: &Branch<'_>, order: Order) {
        let mut at = 0;
        self.0[at].first = self.0[at].first.min(order);
        for edge in &branch.edges {
            at = self.child(at, edge, order);
        }
        match &branch.tail {
            Some(affix) => self.0[at].tails.entry(affix).push(order),
            None => self.0[at].ends.push(order),
        }
    }

    fn child(&mut self, at: usize, edge: &Edge<'_>, order: Order) -> usize {
        let next = self.0.len() as u32;
        let node = &mut self.0[at];
        let child = match edge {
            Edge::Literal("") => &mut node.empty,
            Edge::Literal(text) => node.literals.entry((*text).into()).or_default(),
            Edge::Wild(affix) => node.wilds.entry(affix),
        };
        if *child == 0 {
            *child = next;
            self.0.push(Node::new(order));
            return next as usize;
        }
        *child as usize
    }

    /// The first rule in order that passes `test`, among those whose shape fits the path.
    pub(super) fn find(&self, path: &str, test: &dyn Fn(Order) -> bool) -> Option<Order> {
        let mut search = Search { best: Order::MAX, test };
        self.walk(0, path, &mut search);
        // `$` in Python also stands before a line break that ends the text.
        if let Some(line) = path.strip_suffix('\n') {
            self.walk(0, line, &mut search);
        }
        (search.best < Order::MAX).then_some(search.best)
    }

    fn walk(&self, at: u32, rest: &str, search: &mut Search<'_>) {
        let node = &self.0[at as usize];
        if node.first >= search.best {
            return;
        }
        let (piece, after) = piece(rest);
        let literal =
            if piece.is_empty() { node.empty } else { node.literals.get(piece).copied().unwrap_or_default() };
        if literal > 0 {
            self.step(literal, after, search);
        }
        node.wilds.visit(piece, |&child| self.step(child, after, search));
        node.tails.visit(rest, |orders| search.offer(orders));
    }

    fn step(&self, child: u32, after: Option<&str>, search: &mut Search<'_>) {
        match after {
            Some(after) => self.walk(child, after, search),
            None => search.offer(&self.0[child as usize].ends),
        }
    }
}

struct Search<'a> {
    best: Order,
    test: &'a dyn Fn(Order) -> bool,
}

impl Search<'_> {
    /// Tries candidates, in order, that may be better than the best so far.
    fn offer(&mut self, orders: &[Order]) {
        let best = self.best;
        let mut better = orders.iter().copied().take_while(|&order| order < best);
        self.best = better.find(|&order| (self.test)(order)).unwrap_or(best);
    }
}
