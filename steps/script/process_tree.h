#ifndef PENSTOCK_STEPS_SCRIPT_PROCESS_TREE_H_
#define PENSTOCK_STEPS_SCRIPT_PROCESS_TREE_H_

// The processes below this one, as /proc has them. Whoever calls BecomeReaper first is handed those
// whose parents end, so that none gets away, whatever group or session it moved to.

#include <sys/types.h>

#include <cstdint>
#include <vector>

namespace penstock {

// From now on orphans below this process become its children.
void BecomeReaper();

// Parents before children.
std::vector<pid_t> Descendants();

// The one of these that is process `number` in a pid namespace of its own; 0 where there is none.
pid_t FindInNamespace(const std::vector<pid_t>& processes, pid_t number);

// Whether the process numbers its children as this one does: it is in no sandbox or container.
bool IsOutside(pid_t process);

// Memory of the processes together, in bytes: what they share counts once, where the sum by process
// is over `limit`. What has ended meanwhile counts nothing.
int64_t MemoryOf(const std::vector<pid_t>& processes, int64_t limit);

// Collects the orphans that have ended; `child` is left to whoever waits for it.
void CollectOrphans(pid_t child);

// Ends and collects every descendant; returns how many there were. Nobody else may be waiting for a
// child meanwhile.
int KillDescendants();

}  // namespace penstock

#endif  // PENSTOCK_STEPS_SCRIPT_PROCESS_TREE_H_
