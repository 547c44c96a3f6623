// The tree of stacks, with the totals of those samples that were chosen. A node comes before those upon it.
class Tree {
  constructor(profile) {
    this.profile = profile;
    this.size = profile.depth.length;
    this.depth = Uint32Array.from(profile.depth);
    this.name = Uint32Array.from(profile.name);
    this.parent = new Int32Array(this.size);
    const last = [];
    this.depth.forEach((depth, node) => {
      this.parent[node] = depth ? last[depth - 1] : -1;
      last[depth] = node;
    });
    // Of each node, the first one that is no longer upon it.
    this.end = new Int32Array(this.size).fill(this.size);
    const open = [];
    for (let node = 0; node < this.size; node += 1) {
      while (open.length > this.depth[node]) this.end[open.pop()] = node;
      open.push(node);
    }
    this.state = this.states();
  }

  // What stands below decides what all of a stack was doing.
  states() {
    const found = new Array(this.size).fill("running");
    for (let node = 0; node < this.size; node += 1) {
      if (this.depth[node] === 1) {
        const [label, , group] = this.profile.names[this.name[node]];
        const told = /^\((awaiting|waiting)\)$/.exec(label);
        if (told && group === this.profile.names[this.name[this.parent[node]]][2]) found[node] = told[1];
      } else if (this.depth[node] > 1) found[node] = found[this.parent[node]];
    }
    return found;
  }

  // Add up what `chosen` lets through, for every column.
  choose(chosen) {
    const { samples, columns } = this.profile;
    this.own = columns.map(() => new Float64Array(this.size));
    this.total = columns.map(() => new Float64Array(this.size));
    this.all = columns.map(() => 0);
    const wanted = Object.entries(chosen).filter(([, number]) => number >= 0);
    for (let at = 0; at < samples.node.length; at += 1) {
      if (wanted.some(([name, number]) => samples[name][at] !== number)) continue;
      columns.forEach((_, column) => {
        this.own[column][samples.node[at]] += samples.values[column][at];
        this.all[column] += samples.values[column][at];
      });
    }
    columns.forEach((_, column) => {
      const total = this.total[column];
      for (let node = this.size - 1; node >= 0; node -= 1) {
        total[node] += this.own[column][node];
        if (this.parent[node] >= 0) total[this.parent[node]] += total[node];
      }
    });
  }

  above(node) {
    const found = [];
    for (let at = this.parent[node]; at >= 0; at = this.parent[at]) found.unshift(at);
    return found;
  }

  // What each name has by itself and with all that it calls; within itself, it counts once.
  names(column, from, to) {
    const found = new Map();
    const open = [];
    const within = new Map();
    for (let node = from; node < to; node += 1) {
      while (open.length && this.depth[open[open.length - 1]] >= this.depth[node]) {
        const name = this.name[open.pop()];
        within.set(name, within.get(name) - 1);
      }
      const name = this.name[node];
      const seen = within.get(name) ?? 0;
      const one = found.get(name) ?? { name, own: 0, total: 0 };
      one.own += this.own[column][node];
      if (seen === 0) one.total += this.total[column][node];
      found.set(name, one);
      within.set(name, seen + 1);
      open.push(node);
    }
    return found;
  }

  // The sum of all nodes of these names, of which none is counted within another.
  sum(column, names) {
    let sum = 0;
    for (let node = 0; node < this.size; node += 1) {
      if (!names.has(this.name[node])) continue;
      sum += this.total[column][node];
      node = this.end[node] - 1;
    }
    return sum;
  }
}
