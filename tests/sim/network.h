#ifndef PENSTOCK_TESTS_SIM_NETWORK_H_
#define PENSTOCK_TESTS_SIM_NETWORK_H_

// Calls that are delayed, lost, delivered twice, or cut off on either way, between those who ask
// and the coordinator.

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "tests/sim/coordinator.h"

namespace penstock::sim {

// How well messages travel.
struct Weather {
  double loss = 0;       // of requests, and of replies
  double duplicate = 0;  // requests that arrive twice
  Micros slowest = std::chrono::milliseconds(2);
};

// The way between one who asks and the coordinator.
struct Link {
  Link(std::string who, uint64_t seed) : name(std::move(who)), dice(SubSeed(seed, name)) {}
  std::string name;
  Dice dice;
  Weather weather;
  Tick cut_until;  // nothing passes before that
};

class Network {
 public:
  Network(Schedule& schedule, Coordinator& coordinator)
      : schedule_(schedule), coordinator_(coordinator) {}

  // Asks, and calls `done` once: with the answer, or UNAVAILABLE where the coordinator is not
  // there or went away, or DEADLINE_EXCEEDED after `patience`.
  template <typename T, typename Command>
  void Call(Link& link, void (Engine::*method)(Command, Callback<T>), Command command,
            Micros patience, Callback<T> done) {
    auto call = std::make_shared<Pending>();
    call->link = &link;
    auto reply = std::make_shared<Callback<T>>(std::move(done));
    call->fail = [reply](const Status& status) { (*reply)(status); };
    schedule_.After(patience, [call] { call->Fail(DeadlineExceeded("no answer in time")); });
    const int copies = link.dice.Chance(link.weather.duplicate) ? 2 : 1;
    for (int i = 0; i < copies; ++i) {
      if (IsLost(link)) continue;
      schedule_.After(Delay(link), [this, call, method, command, reply] {
        Deliver(call, method, command, reply);
      });
    }
  }

  // The coordinator's process has ended: who waits for it hears of it.
  void Break();

 private:
  struct Pending {
    Link* link = nullptr;
    bool settled = false;
    std::function<void(const Status&)> fail;
    void Fail(const Status& status) {
      if (std::exchange(settled, true)) return;
      fail(status);
    }
  };

  bool IsLost(Link& link) const {
    const bool lost = link.dice.Chance(link.weather.loss);
    return lost || schedule_.now() < link.cut_until;
  }
  Micros Delay(Link& link) const { return link.dice.Time(Micros(50), link.weather.slowest); }

  template <typename T, typename Command>
  void Deliver(const std::shared_ptr<Pending>& call, void (Engine::*method)(Command, Callback<T>),
               const Command& command, const std::shared_ptr<Callback<T>>& reply) {
    Link& link = *call->link;
    if (!coordinator_.up()) {
      if (!IsLost(link)) FailLater(call);
      return;
    }
    if (reached_.size() >= 256) {
      std::erase_if(reached_, [](const auto& each) { return each->settled; });
    }
    reached_.push_back(call);
    coordinator_.Post<T, Command>(method, command, [this, call, reply](Result<T> answer) {
      if (IsLost(*call->link)) return;
      auto kept = std::make_shared<Result<T>>(std::move(answer));
      schedule_.After(Delay(*call->link), [call, reply, kept] {
        if (!std::exchange(call->settled, true)) (*reply)(std::move(*kept));
      });
    });
  }
  void FailLater(const std::shared_ptr<Pending>& call) {
    schedule_.After(Delay(*call->link),
                    [call] { call->Fail(Unavailable("the coordinator is not there")); });
  }

  Schedule& schedule_;
  Coordinator& coordinator_;
  std::vector<std::shared_ptr<Pending>> reached_;  // of the coordinator's present life
};

}  // namespace penstock::sim

#endif  // PENSTOCK_TESTS_SIM_NETWORK_H_
