-- SPDX-License-Identifier: MIT
--
-- What a key of its own chooses, for a script that cannot send a header. Each
-- service has an account by each of these names, see accounts.lua. `says` is
-- for the reader of `make sandbox`. `answer`, `delay` and `retry_after` are
-- what the headers of server.lua would be; `left` is the balance.

local _M = {
  { name = "empty", says = "nothing is left", left = 0 },
  { name = "low", says = "3 credits, or 3 cents, are left", left = 3 },
  {
    name = "refused", says = "the key is refused",
    answer = {
      tempolor = "400002", udio = "401",
      tencent = "AuthFailure.SecretIdNotFound",
    },
  },
  {
    name = "limited", says = "too many requests, Retry-After: 30",
    answer = {
      tempolor = "400007", udio = "429", tencent = "RequestLimitExceeded",
    },
    retry_after = "30",
  },
  { name = "down", says = "HTTP 503, a page of HTML", answer = "http-503" },
  { name = "slow", says = "the right answer, after 2 s", delay = "2000" },
  {
    name = "hanging", says = "no answer until the client leaves",
    is_silent = true,
  },
  { name = "html", says = "HTTP 200, a page of HTML", answer = "html-200" },
}

local usual = 500 -- what is left where the case does not say

--- Adds an account for each case.
-- @tparam string service
-- @tparam table accounts of the service
-- @tparam function new gets the case's name and what is left; returns an
-- account
function _M.add(service, accounts, new)
  for _, case in ipairs(_M) do
    local account, answer = new(case.name, case.left or usual), case.answer
    account.answer = type(answer) == "table" and answer[service] or answer
    account.delay, account.retry_after = case.delay, case.retry_after
    account.is_silent = case.is_silent
    accounts[case.name] = account
  end
end

return _M
