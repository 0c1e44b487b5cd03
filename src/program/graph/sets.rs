//! Sets of latents, each kept once under a number.

use std::collections::HashMap;
use std::rc::Rc;

/// Numbers that all sets may have together: 256 MiB.
const MOST_MEMBERS: usize = 1 << 26;

/// The number of a set.
pub(super) type SetId = u32;

/// The set of no latent.
pub(super) const EMPTY: SetId = 0;

/// All sets so far.
pub(super) struct Sets {
    all: Vec<Rc<[u32]>>,
    known: HashMap<Rc<[u32]>, SetId>,
    unions: HashMap<(SetId, SetId), SetId>,
    num_members: usize,
    scratch: Vec<u32>,
}

impl Sets {
    pub fn new() -> Self {
        let empty: Rc<[u32]> = Rc::from([]);
        Sets {
            all: vec![empty.clone()],
            known: HashMap::from([(empty, EMPTY)]),
            unions: HashMap::new(),
            num_members: 0,
            scratch: Vec::new(),
        }
    }

    /// Whether there is no room for more: what comes of it is of no use.
    pub fn is_full(&self) -> bool {
        self.num_members > MOST_MEMBERS
    }

    pub fn members(&self, set: SetId) -> &[u32] {
        &self.all[set as usize]
    }

    /// The set of one latent.
    pub fn one(&mut self, latent: u32) -> SetId {
        self.intern(&[latent])
    }

    /// All that two sets hold.
    pub fn union(&mut self, a: SetId, b: SetId) -> SetId {
        let (a, b) = (a.min(b), a.max(b));
        if a == b || a == EMPTY {
            return b;
        }
        if let Some(&known) = self.unions.get(&(a, b)) {
            return known;
        }
        let found = self.union_of(&[a, b]);
        self.unions.insert((a, b), found);
        found
    }

    /// All that many sets hold.
    pub fn union_of(&mut self, sets: &[SetId]) -> SetId {
        if let Some(&first) = sets.first()
            && sets.iter().all(|&s| s == first)
        {
            return first;
        }
        let mut scratch = std::mem::take(&mut self.scratch);
        scratch.clear();
        let mut last = EMPTY;
        for &set in sets {
            if set != last {
                scratch.extend_from_slice(&self.all[set as usize]);
                last = set;
            }
        }
        scratch.sort_unstable();
        scratch.dedup();
        let found = self.intern(&scratch);
        self.scratch = scratch;
        found
    }

    fn intern(&mut self, members: &[u32]) -> SetId {
        if let Some(&known) = self.known.get(members) {
            return known;
        }
        if self.is_full() {
            return EMPTY;
        }
        self.num_members += members.len();
        let (set, number): (Rc<[u32]>, _) = (Rc::from(members), self.all.len() as SetId);
        self.all.push(set.clone());
        self.known.insert(set, number);
        number
    }
}
