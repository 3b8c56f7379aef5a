#ifndef PENSTOCK_CLIENT_CLI_FOLLOW_VIEW_H_
#define PENSTOCK_CLIENT_CLI_FOLLOW_VIEW_H_

// How a run that is being watched looks on stderr. Used by one thread at a time.

#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "client/cli/connection.h"

namespace penstock::cli {

class View {
 public:
  virtual ~View() = default;
  // The run without its steps, and those that changed.
  virtual void Update(const pb::Run& run, const std::vector<pb::Step>& changed) = 0;
  // A line of its own that stays.
  virtual void Say(const std::string& line) = 0;
  // Draws again what moves by itself.
  virtual void Tick() {}
  // The connection is lost: shown until the next update.
  virtual void Lost(const std::string& why) = 0;
};

using Warnings = std::vector<pb::Problem>;

// Shows nothing.
std::unique_ptr<View> MakeSilentView();
// A line for each state that a step enters, for logs and pipes. `warnings` are those of the
// submission: they say why a ready step waits. A map says at most once a second how far it is; of
// the steps inside a large one, the first failures alone are told.
std::unique_ptr<View> MakeLinesView(const Warnings& warnings, const Clock& clock = Clock::Real());
// A table that is drawn over itself, within the terminal's window; of what is inside a large map,
// with what is under way or failed.
std::unique_ptr<View> MakeLiveView(const Warnings& warnings);

// The one number that tells most about a step; also what it decided or registered.
std::string Headline(const pb::Step& step);

}  // namespace penstock::cli

#endif  // PENSTOCK_CLIENT_CLI_FOLLOW_VIEW_H_
