-- SPDX-License-Identifier: MIT
--- Sends a webhook's request over the module's transport: TLS is verified,
-- redirects are not followed, and it waits as a call does. All of the address
-- but its host is a secret.
-- @module balance.notify.sender

local core = require "balance.core"
local environment = require "balance.environment"
local failures = require "balance.failure"
local loops = require "balance.loop"
local retry = require "balance.retry"
local shared = require("balance.options").shared
local version = require "balance.version"

local _M = {}

local max_wait = 3600 -- seconds of a Retry-After
local min_secret = 8 -- bytes; shorter parts of an address are words

-- Adds a text that no failure may show, and its parts.
local function hide(secrets, text)
  secrets[#secrets + 1] = text
  for part in text:gmatch "[^/?&=]+" do
    secrets[#secrets + 1] = #part >= min_secret and part or nil
  end
end

-- Returns nothing, or the fields of a failure.
local function read(service, transfer)
  local outcome = transfer:result()
  local problem = outcome.kind and {
    kind = outcome.kind, code = outcome.code, message = outcome.message,
    status = outcome.status, hint = outcome.hint,
  } or service.read(outcome.status, outcome.body)
  if problem and problem.retryable == nil then
    problem.retryable = failures.kinds[problem.kind]
  end
  local wait = problem and transfer:header "retry-after"
  if wait and wait:find "^%d+$" then
    problem.retry_after = tonumber(wait)
  end
  if problem and problem.retry_after then
    problem.retry_after = math.max(math.min(problem.retry_after, max_wait), 0)
  end
  return problem
end

-- Whom to trust, as a call does.
local function trust_of(options)
  if options.ca_file or options.ca_path then
    return options.ca_file, options.ca_path
  end
  return environment.get(shared.ca_file.variable),
    environment.get(shared.ca_path.variable)
end

-- One request. Adds to the secrets those that it makes. Returns nothing, or the
-- fields of a failure.
local function attempt(service, options, event, loop, limit, secrets)
  local request, problem = service.request(event, options, os.time())
  if not request then
    return problem
  end
  local path = options.path
  if request.query then
    path = path .. (path:find("?", 1, true) and "&" or "?") .. request.query
    hide(secrets, request.query)
  end
  local ca_file, ca_path = trust_of(options)
  local transfer, kind, message, hint = core.transport():start {
    endpoint = options.endpoint, path = path, method = "POST",
    headers = request.headers, body = request.body,
    user_agent = "balance/" .. version, ca_file = ca_file,
    ca_path = ca_path, proxy = options.proxy, timeout = limit,
    connect_timeout = math.min(limit, options.timeout / 2),
  }
  if not transfer then
    return { kind = kind, message = message, hint = hint }
  end
  local ok
  ok, kind, message, hint = loop.wait(transfer)
  if ok then
    problem = read(service, transfer)
  else
    problem = { kind = kind, message = message, hint = hint }
  end
  transfer:close()
  return problem
end

-- Sends until it was taken, or nothing helps. Returns as `attempt` does.
local function send(service, options, event, loop, secrets)
  local deadline = core.now() + options.timeout
  local round = 0
  while true do
    round = round + 1
    local problem = attempt(service, options, event, loop,
      math.max(deadline - core.now(), 0.001), secrets)
    if not problem or not problem.retryable or round > options.retries then
      return problem
    end
    local pause = retry.pause(round, problem.retry_after)
    if pause >= deadline - core.now() then
      return problem
    end
    loop.sleep(pause)
  end
end

--- Sends an event.
-- @tparam table service `name`, `request(event, options, now)` and
-- `read(status, reply)`
-- @tparam table options `endpoint` and `path` of the address, `timeout`,
-- `retries`, `ca_file`, `ca_path`, `proxy`, `loop`, and the service's own
-- @tparam balance.AlarmEvent event
-- @treturn ?boolean true
-- @treturn ?balance.Failure where it was not taken
function _M.send(service, options, event)
  local secrets = { options.secret }
  hide(secrets, options.path)
  local loop, problem = loops.enter(options.loop)
  if loop then
    problem = send(service, options, event, loop, secrets)
    if loop.leave then
      loop.leave()
    end
  end
  if problem then
    return nil, failures.of_call(service.name, problem, secrets)
  end
  return true
end

return _M
