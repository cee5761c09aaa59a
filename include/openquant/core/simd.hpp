// SPDX-License-Identifier: Apache-2.0
#pragma once

/// All of the lane vocabulary for SIMD registers: code written in `core/lane.hpp` needs this and no
/// more to run on `batch<Arch>`.
#include <openquant/core/simd16.hpp>
#include <openquant/core/simd_batch.hpp>
#include <openquant/core/simd_bits.hpp>
#include <openquant/core/simd_butterfly.hpp>
#include <openquant/core/simd_bytes.hpp>
#include <openquant/core/simd_lookup.hpp>
#include <openquant/core/simd_signs.hpp>
#include <openquant/core/simd_window.hpp>
