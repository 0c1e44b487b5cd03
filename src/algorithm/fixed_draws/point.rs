//! [`ArgminPoint`]: a parameter vector with the arithmetic argmin asks for.

use argmin_math::{
    ArgminAdd, ArgminDot, ArgminL1Norm, ArgminL2Norm, ArgminMinMax, ArgminMul, ArgminSignum, ArgminSub, ArgminZeroLike,
};

/// Parameters of q as argmin sees them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ArgminPoint(pub Vec<f64>);

impl ArgminPoint {
    fn map(&self, f: impl Fn(f64) -> f64) -> ArgminPoint {
        ArgminPoint(self.0.iter().map(|x| f(*x)).collect())
    }

    fn zip(&self, other: &ArgminPoint, f: impl Fn(f64, f64) -> f64) -> ArgminPoint {
        ArgminPoint(self.0.iter().zip(&other.0).map(|(a, b)| f(*a, *b)).collect())
    }
}

impl ArgminAdd<ArgminPoint, ArgminPoint> for ArgminPoint {
    fn add(&self, other: &ArgminPoint) -> ArgminPoint {
        self.zip(other, |a, b| a + b)
    }
}

impl ArgminAdd<f64, ArgminPoint> for ArgminPoint {
    fn add(&self, other: &f64) -> ArgminPoint {
        self.map(|x| x + other)
    }
}

impl ArgminSub<ArgminPoint, ArgminPoint> for ArgminPoint {
    fn sub(&self, other: &ArgminPoint) -> ArgminPoint {
        self.zip(other, |a, b| a - b)
    }
}

impl ArgminSub<f64, ArgminPoint> for ArgminPoint {
    fn sub(&self, other: &f64) -> ArgminPoint {
        self.map(|x| x - other)
    }
}

impl ArgminMul<f64, ArgminPoint> for ArgminPoint {
    fn mul(&self, other: &f64) -> ArgminPoint {
        self.map(|x| x * other)
    }
}

impl ArgminMul<ArgminPoint, ArgminPoint> for ArgminPoint {
    fn mul(&self, other: &ArgminPoint) -> ArgminPoint {
        self.zip(other, |a, b| a * b)
    }
}

impl ArgminMul<ArgminPoint, ArgminPoint> for f64 {
    fn mul(&self, other: &ArgminPoint) -> ArgminPoint {
        other.map(|x| x * self)
    }
}

impl ArgminDot<ArgminPoint, f64> for ArgminPoint {
    fn dot(&self, other: &ArgminPoint) -> f64 {
        self.0.iter().zip(&other.0).map(|(a, b)| a * b).sum()
    }
}

impl ArgminL1Norm<f64> for ArgminPoint {
    fn l1_norm(&self) -> f64 {
        self.0.iter().map(|x| x.abs()).sum()
    }
}

impl ArgminL2Norm<f64> for ArgminPoint {
    fn l2_norm(&self) -> f64 {
        self.0.iter().map(|x| x * x).sum::<f64>().sqrt()
    }
}

impl ArgminSignum for ArgminPoint {
    fn signum(self) -> ArgminPoint {
        self.map(f64::signum)
    }
}

impl ArgminZeroLike for ArgminPoint {
    fn zero_like(&self) -> ArgminPoint {
        ArgminPoint(vec![0.0; self.0.len()])
    }
}

impl ArgminMinMax for ArgminPoint {
    fn min(x: &ArgminPoint, y: &ArgminPoint) -> ArgminPoint {
        x.zip(y, f64::min)
    }

    fn max(x: &ArgminPoint, y: &ArgminPoint) -> ArgminPoint {
        x.zip(y, f64::max)
    }
}
