// SPDX-License-Identifier: GPL-2.0-or-later
// All attacks by name. Rows make the score card of `./gatehouse test isolation` and
// docs/isolation.md; a test of the same name makes the attack.
#ifndef GATEHOUSE_TESTS_ISOLATION_ATTACKS_HH_
#define GATEHOUSE_TESTS_ISOLATION_ATTACKS_HH_

#include <string>

namespace gatehouse::isolation {

struct Attack {
  const char* suite;  // who attacks
  const char* name;
  const char* tried;
  const char* held_by;  // why it fails
};

// Calls visit(Attack) for each row.
template <class Visit>
void for_each_attack(Visit&& visit) {
  static constexpr Attack kAttacks[] = {
#include "tests/isolation/attacks.inc"
  };
  for (const Attack& attack : kAttacks) visit(attack);
}

}  // namespace gatehouse::isolation

#endif  // GATEHOUSE_TESTS_ISOLATION_ATTACKS_HH_
