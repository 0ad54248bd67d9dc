//! Values found by how a text begins and how it ends.

/// What a text has to begin and end with. The two may overlap.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Affix {
    pub(super) prefix: Vec<u8>,
    pub(super) suffix: Vec<u8>,
}

/// Values by affix: the lookup costs the length of the text, however many values there are.
pub(super) struct Affixes<V>(ByteTrie<ByteTrie<V>>);

impl<V> Default for Affixes<V> {
    fn default() -> Self {
        Affixes(ByteTrie::default())
    }
}

impl<V: Default> Affixes<V> {
    /// The value of an affix, which is made when it is new.
    pub(super) fn entry(&mut self, affix: &Affix) -> &mut V {
        let suffixes = self.0.entry(affix.prefix.iter().copied());
        suffixes.entry(affix.suffix.iter().rev().copied())
    }
}

impl<V> Affixes<V> {
    /// Visits the values whose affix the text has.
    pub(super) fn visit<'a>(&'a self, text: &str, mut visit: impl FnMut(&'a V)) {
        self.0.visit(text.bytes(), &mut |suffixes| suffixes.visit(text.bytes().rev(), &mut visit));
    }
}

/// Values by byte string. Node 0 is the root, and there is none before the first value.
struct ByteTrie<V>(Vec<Node<V>>);

struct Node<V> {
    /// Sorted by byte.
    children: Vec<(u8, u32)>,
    value: Option<V>,
}

impl<V> Default for ByteTrie<V> {
    fn default() -> Self {
        ByteTrie(Vec::new())
    }
}

impl<V> ByteTrie<V> {
    fn entry(&mut self, key: impl Iterator<Item = u8>) -> &mut V
    where
        V: Default,
    {
        if self.0.is_empty() {
            self.push();
        }
        let at = key.fold(0, |at, byte| self.child_or_new(at, byte));
        self.0[at].value.get_or_insert_default()
    }

    fn push(&mut self) -> u32 {
        self.0.push(Node { children: Vec::new(), value: None });
        (self.0.len() - 1) as u32
    }

    fn child_or_new(&mut self, at: usize, byte: u8) -> usize {
        match self.0[at].find(byte) {
            Ok(child) => child,
            Err(place) => {
                let child = self.push();
                self.0[at].children.insert(place, (byte, child));
                child as usize
            }
        }
    }

    /// Visits the values whose key the text begins with, the shortest first.
    fn visit<'a>(&'a self, text: impl Iterator<Item = u8>, visit: &mut impl FnMut(&'a V)) {
        let Some(mut node) = self.0.first() else { return };
        node.value.iter().for_each(&mut *visit);
        for byte in text {
            let Ok(child) = node.find(byte) else { return };
            node = &self.0[child];
            node.value.iter().for_each(&mut *visit);
        }
    }
}

impl<V> Node<V> {
    /// The child for a byte, or the place where it would be.
    fn find(&self, byte: u8) -> Result<usize, usize> {
        self.children
            .binary_search_by_key(&byte, |&(key, _)| key)
            .map(|place| self.children[place].1 as usize)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_affix_of_a_text_is_found() {
        let mut affixes = Affixes::<u32>::default();
        for (value, (prefix, suffix)) in
            [("", ""), ("a", ""), ("", "c"), ("ab", "bc"), ("b", ""), ("a", "x")].iter().enumerate()
        {
            let affix = Affix { prefix: prefix.as_bytes().to_vec(), suffix: suffix.as_bytes().to_vec() };
            *affixes.entry(&affix) = value as u32;
        }
        let mut found = Vec::new();
        affixes.visit("abc", |&value| found.push(value));
        found.sort_unstable();
        assert_eq!(found, [0, 1, 2, 3]);
    }
}
