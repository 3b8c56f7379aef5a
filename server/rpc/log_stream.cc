#include "server/rpc/log_stream.h"

#include <algorithm>

#include "server/engine/engine.h"
#include "server/rpc/run_view.h"
#include "storage/metadata/metadata_reader.h"

namespace penstock {
namespace {

constexpr int64_t kChunkBytes = 256 << 10;

}  // namespace

LogStream::LogStream(const Services& services, const grpc::CallbackServerContext& context,
                     const RpcDeps& deps, LogHub& hub, const v1::ReadLogsRequest& request)
    : PumpedStream(services, context, "RunService", "ReadLogs"),
      deps_(deps),
      hub_(hub),
      request_(request),
      skip_(request.offset()) {}

Status LogStream::Begin() {
  begun_ = true;
  if (request_.offset() < 0) return InvalidArgument("offset: must not be negative");
  if (request_.attempt() < 0) return InvalidArgument("attempt: must not be negative");
  if (request_.rank() < 0) return InvalidArgument("rank: must not be negative");
  if (request_.step().empty() && request_.offset() > 0) {
    return InvalidArgument("offset: is of one step's log; name the step");
  }
  PENSTOCK_ASSIGN_OR_RETURN(auto reader, deps_.readers->Borrow());
  PENSTOCK_ASSIGN_OR_RETURN(const RunRecord run, reader->FindRun(request_.run_id()));
  run_ = run.id;
  run_row_ = run.row;
  PENSTOCK_ASSIGN_OR_RETURN(const auto steps, reader->ListSteps(run.row));
  for (const StepRecord& step : steps) names_.push_back(step.name);
  if (!request_.step().empty()) {
    PENSTOCK_ASSIGN_OR_RETURN(step_, FindStep(steps, request_.step(), run));
    const StepRecord& step = steps[static_cast<std::size_t>(step_)];
    if (step.state == StepState::kCached) return BeginAtSource(*reader.operator->(), step);
  }
  return request_.follow() ? Follow() : Status::Ok();
}

// The log of a step whose result was there is the log of the step that made it.
Status LogStream::BeginAtSource(MetadataReader& reader, const StepRecord& step) {
  const Json& hit = JsonMember(step.cache, "hit");
  PENSTOCK_ASSIGN_OR_RETURN(const RunRecord run, reader.FindRun(JsonString(hit, "run")));
  PENSTOCK_ASSIGN_OR_RETURN(const auto steps, reader.ListSteps(run.row));
  PENSTOCK_ASSIGN_OR_RETURN(step_, FindStep(steps, JsonString(hit, "step"), run));
  run_ = run.id;
  run_row_ = run.row;
  names_.clear();
  for (const StepRecord& each : steps) names_.push_back(each.name);
  ended_ = true;
  return Status::Ok();
}

Status LogStream::Follow() {
  PENSTOCK_ASSIGN_OR_RETURN(
      events_, deps_.engine->events().Subscribe(
                   run_, [this](const std::shared_ptr<const RunUpdate>& update) {
                     bool ended = IsTerminal(update->run.state);
                     for (const StepRecord& step : update->steps) {
                       ended = ended || (step.index == step_ && IsTerminal(step.state));
                     }
                     if (!ended) return;
                     ended_ = true;
                     Wake();
                   }));
  appended_ = hub_.Follow(run_, [this] { Wake(); });
  // What ended before we listened.
  PENSTOCK_ASSIGN_OR_RETURN(auto reader, deps_.readers->Borrow());
  PENSTOCK_ASSIGN_OR_RETURN(const RunRecord run, reader->FindRun(run_.value()));
  PENSTOCK_ASSIGN_OR_RETURN(const auto steps, reader->ListSteps(run.row));
  if (IsTerminal(run.state)) ended_ = true;
  for (const StepRecord& step : steps) {
    if (step.index == step_ && IsTerminal(step.state)) ended_ = true;
  }
  return Status::Ok();
}

// Maps and pipelines add steps while the run goes on.
Status LogStream::ReadNames() {
  PENSTOCK_ASSIGN_OR_RETURN(auto reader, deps_.readers->Borrow());
  PENSTOCK_ASSIGN_OR_RETURN(const RunRecord run, reader->FindRun(run_.value()));
  PENSTOCK_ASSIGN_OR_RETURN(const auto steps, reader->ListSteps(run.row));
  names_.clear();
  for (const StepRecord& step : steps) names_.push_back(step.name);
  return Status::Ok();
}

Result<int32_t> LogStream::RanksOf(const LogKey& key) {
  int32_t& known = ranks_[{key.step, key.attempt}];
  if (known > 0) return known;
  PENSTOCK_ASSIGN_OR_RETURN(auto reader, deps_.readers->Borrow());
  PENSTOCK_ASSIGN_OR_RETURN(const auto attempts, reader->ListAttempts(run_row_, key.step));
  known = static_cast<int32_t>(
      std::count_if(attempts.begin(), attempts.end(),
                    [&](const AttemptRecord& attempt) { return attempt.number == key.attempt; }));
  return known;
}

Result<bool> LogStream::ReadKey(const LogKey& key, v1::ReadLogsResponse& response) {
  int64_t& position = positions_[key];
  // All attempts of a step, and all their ranks, count as one text: what earlier ones wrote stands
  // before.
  int64_t before = 0;
  for (const auto& [other, bytes] : positions_) {
    if (other.step == key.step && other < key) before += bytes;
  }
  for (;;) {
    const int64_t want = skip_ > 0 ? std::min(skip_, kChunkBytes) : kChunkBytes;
    PENSTOCK_ASSIGN_OR_RETURN(LogChunk chunk, deps_.journal->ReadLog(run_, key, position, want));
    const int64_t advanced = chunk.next_offset - position;
    if (chunk.data.empty() && advanced == 0) return false;
    const int64_t offset = before + position;
    position = chunk.next_offset;
    if (skip_ > 0) {
      skip_ -= std::min(skip_, advanced);
      continue;
    }
    const auto index = static_cast<std::size_t>(key.step);
    if (index >= names_.size()) PENSTOCK_RETURN_IF_ERROR(ReadNames());
    if (index < names_.size()) response.set_step(names_[index]);
    response.set_attempt(key.attempt);
    response.set_rank(key.rank);
    PENSTOCK_ASSIGN_OR_RETURN(const int32_t ranks, RanksOf(key));
    response.set_ranks(ranks);
    response.set_offset(offset);
    response.set_data(std::move(chunk.data));
    return true;
  }
}

Result<bool> LogStream::ReadNext(v1::ReadLogsResponse& response) {
  for (; cursor_ < keys_.size(); ++cursor_) {
    const LogKey& key = keys_[cursor_];
    if (request_.attempt() != 0 && key.attempt != request_.attempt()) continue;
    if (request_.has_rank() && key.rank != request_.rank()) continue;
    const Result<bool> found = ReadKey(key, response);
    if (found.status().code() == StatusCode::kDataLoss) {
      // Other attempts may have more before the damage: the client gets that first.
      loss_ = found.status();
      continue;
    }
    if (!found.ok() || *found) return found;
  }
  if (!loss_.ok()) return loss_;
  return false;
}

LogStream::Next LogStream::Produce(v1::ReadLogsResponse& response, Status& status) {
  if (!begun_) status = Begin();
  if (!status.ok()) return Next::kEnd;
  // Before reading: what was written before the end is then surely read.
  const bool ended = ended_ || !request_.follow();
  auto found = ReadNext(response);
  if (found.ok() && !*found) {
    // Once more from the start, for what came since.
    auto keys = deps_.journal->ListLogs(run_, step_);
    if (!keys.ok()) {
      status = keys.status();
      return Next::kEnd;
    }
    keys_ = *std::move(keys);
    cursor_ = 0;
    found = ReadNext(response);
  }
  if (!found.ok()) {
    status = found.status();
    return Next::kEnd;
  }
  if (*found) return Next::kWrite;
  return ended ? Next::kEnd : Next::kIdle;
}

}  // namespace penstock
