#include "rpc/peer.h"

namespace sluice::rpc {

namespace {
bool take_prefix(std::string_view& text, std::string_view prefix) {
  if (!text.starts_with(prefix)) return false;
  text.remove_prefix(prefix.size());
  return true;
}
}  // namespace

std::string_view address_of_peer(std::string_view peer) {
  if (peer.starts_with("unix:")) return "unix";
  if (take_prefix(peer, "ipv4:")) return peer.substr(0, peer.find(':'));
  if (!take_prefix(peer, "ipv6:")) return {};
  if (take_prefix(peer, "[")) return peer.substr(0, peer.find(']'));
  if (take_prefix(peer, "%5B")) return peer.substr(0, peer.find("%5D"));
  return {};
}

}  // namespace sluice::rpc
