#pragma once

/// What a program needs that has a Millrace node inside, or talks to a cluster.

#include <millrace/actors/rt/publish/publisher.hpp>
#include <millrace/actors/rt/subscribe/subscription.hpp>
#include <millrace/messages/data/table_batch.hpp>
#include <millrace/nodes/assembly/guest.hpp>
#include <millrace/nodes/assembly/process_host.hpp>
#include <millrace/nodes/assembly/roles.hpp>
#include <millrace/nodes/client/async_answer.hpp>
#include <millrace/nodes/client/collect_status.hpp>
#include <millrace/nodes/client/end_period.hpp>
#include <millrace/nodes/client/find_stream.hpp>
#include <millrace/nodes/client/gateway_client.hpp>
#include <millrace/nodes/configuration/configuration.hpp>
#include <millrace/nodes/host/exit_codes.hpp>
#include <millrace/nodes/node/node.hpp>
