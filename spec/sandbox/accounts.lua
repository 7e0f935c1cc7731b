-- SPDX-License-Identifier: MIT
--
-- The sandbox's accounts: the one place where its keys and balances are
-- written. A plain table for any Lua: the services look keys up in it, the
-- specs compare with it, and the `main` account of each service is what the
-- sandbox exports to the environment. No key here opens anything elsewhere.

local cases = require "sandbox.cases"

-- What DescribeAccountBalance prints, zero unless given.
local function amounts(given)
  local all = {
    Balance = 0, RealBalance = 0, CashAccountBalance = 0,
    IncomeIntoAccountBalance = 0, PresentAccountBalance = 0, FreezeAmount = 0,
    OweAmount = 0, CreditAmount = 0, CreditBalance = 0, RealCreditBalance = 0,
    TempCredit = 0, IsAllowArrears = false, IsCreditLimited = true,
  }
  for name, value in pairs(given) do all[name] = value end
  return all
end

local _M = {
  tempolor = {
    main = {
      api_key = "Tempo-sandbox0main0f26975ccbff48ccbdd0a-3w",
      balance = 776.56,
    },
    whole = {
      api_key = "Tempo-sandbox0whole1c9a40e7d35b82f6e04b-3w",
      balance = 1200,
    },
  },

  udio = {
    main = {
      api_key = "sandbox-main-5d2c7be08f914a63",
      credits = 195, used_credits = 5,
    },
    -- The field is not promised; this account has none.
    unused = {
      api_key = "sandbox-unused-e81f03b6c47d295a",
      credits = 200,
    },
  },

  -- `rate`: how often the account may ask in a second; no limit where absent.
  -- `amounts`: the answer; `temp_credit` goes over it where the request asks
  -- for TempCredit. `token`: what X-TC-Token must be; nothing where absent.
  -- `role`: whoever assumes it gets keys of this account from AssumeRole.
  tencent = {
    -- The document's example.
    main = {
      secret_id = "AKIDSandboxMainz8krbsJ5yKBZQpEXAMPLE",
      secret_key = "SandboxMain5t9xGARNpq86cdEXAMPLE",
      rate = 20,
      amounts = amounts {
        CreditAmount = 10000000000, CreditBalance = 10000000000,
        RealCreditBalance = 10000000000, IsAllowArrears = true,
        Uin = 600000561284,
      },
      temp_credit = {
        TempCredit = 0,
        TempAmountInfoList = { {
          StartTime = "2025-11-01 00:00:00", EndTime = "2026-11-16 00:00:00",
          TempAmount = 200000, Uin = "600000561284",
        } },
      },
    },
    -- No credit line; a fraction of a cent that Balance cuts off.
    prepaid = {
      secret_id = "AKIDSandboxPrepaid6Yh3TqWn8rLEXAMPLE",
      secret_key = "SandboxPrepaid7Kd2vXbM4sWEXAMPLE",
      rate = 20,
      amounts = amounts {
        Balance = 123456, RealBalance = 123456.75, CreditBalance = 123456.75,
        RealCreditBalance = 123456.75, CashAccountBalance = 123456.75,
        Uin = 600000561285,
      },
      temp_credit = {},
    },
    -- Temporary credentials: good only together with the token.
    temporary = {
      secret_id = "AKIDSandboxTemporaryPz4Vb9RuJEXAMPLE",
      secret_key = "SandboxTemporaryQ8wN3fZcLEXAMPLE",
      token = "SandboxTokenH7gT2yLxSaB5mE9kUoD1pCjR6vEXAMPLE",
      amounts = amounts {
        Balance = 5000, RealBalance = 5000, CreditAmount = 300000,
        CreditBalance = 305000, RealCreditBalance = 305000,
        Uin = 600000561286,
      },
      temp_credit = {
        TempCredit = 200000,
        TempAmountInfoList = { {
          StartTime = "2025-11-01 00:00:00", EndTime = "2026-11-16 00:00:00",
          TempAmount = 150000, Uin = "600000561286",
        }, {
          StartTime = "2026-01-01 00:00:00", EndTime = "2026-12-31 00:00:00",
          TempAmount = 50000, Uin = "600000561286",
        } },
      },
    },
    -- Whoever assumes its role gets its balance.
    assumed = {
      secret_id = "AKIDSandboxOwnerOfRoleVn2Xc7KpEXAMPLE",
      secret_key = "SandboxOwnerOfRoleT6yQ1mDwEXAMPLE",
      role = "qcs::cam::uin/600000561289:roleName/spec-role",
      amounts = amounts {
        Balance = 7700, RealBalance = 7700, CreditBalance = 7700,
        RealCreditBalance = 7700, Uin = 600000561289,
      },
      temp_credit = {},
    },
    -- For whoever asks often: specs, benchmarks.
    bench = {
      secret_id = "AKIDSandboxBenchDq5Xo1WvKt7GsEXAMPLE",
      secret_key = "SandboxBenchY3jF6zHnA0uP8EXAMPLE",
      amounts = amounts {
        Balance = 4200, RealBalance = 4200, CreditBalance = 4200,
        RealCreditBalance = 4200, Uin = 600000561287,
      },
      temp_credit = {},
    },
    -- For the spec of the rate limit alone, so that it disturbs no other.
    throttled = {
      secret_id = "AKIDSandboxThrottled2Ml8Cf4BhQeEXAMPLE",
      secret_key = "SandboxThrottledR5kV9tGwX1dEXAMPLE",
      rate = 20,
      amounts = amounts { Uin = 600000561288 },
      temp_credit = {},
    },
  },
}

-- The cases' accounts. For Tencent the id chooses; the key is the main one's.

cases.add("tempolor", _M.tempolor, function(name, left)
  return {
    api_key = ("Tempo-sandbox0%s5ad3f017c9e24b86-3w"):format(name),
    balance = left,
  }
end)

cases.add("udio", _M.udio, function(name, left)
  return {
    api_key = ("sandbox-%s-7be2519c04f8d36a"):format(name),
    credits = left, used_credits = 200,
  }
end)

cases.add("tencent", _M.tencent, function(name, left)
  return {
    secret_id = ("AKIDSandbox%s4Tq8Zr1NwJEXAMPLE"):format(
      name:gsub("^%l", string.upper)),
    secret_key = _M.tencent.main.secret_key,
    amounts = amounts {
      Balance = left, RealBalance = left, CreditBalance = left,
      RealCreditBalance = left, Uin = 600000561290,
    },
    temp_credit = {},
  }
end)

return _M
